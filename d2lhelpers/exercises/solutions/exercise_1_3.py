pairs = [(1, 5), (2, 3), (2, 4), (2, 6), (3, 4), (4, 6), (4, 8), (5, 10)]


def surplus(f, k, m):
    # answer
    f_k, f_m = best_member(f, k), best_member(f, m)
    return distance(f, f_k) ** 2 - distance(f, f_m) ** 2 - distance(f_k, f_m) ** 2
    # end of answer


zero_for = [(k, m) for k, m in pairs if m % k == 0]  # answer
theorem = "Pythagoras: f_k is the foot of a perpendicular, also for f_m, if the larger class contains f_k"  # answer
