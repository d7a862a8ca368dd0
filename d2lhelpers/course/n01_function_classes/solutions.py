# Exercise 1.1

def is_safe(chain):
    # answer
    return all(m % k == 0 for k, m in zip(chain, chain[1:]))
    # end of answer


# Exercise 1.2

likes_three = torch.tensor([0.0, 1.0, 0.0]).repeat_interleave(num_points // 3)  # answer


# Exercise 1.3

pairs = [(1, 5), (2, 3), (2, 4), (2, 6), (3, 4), (4, 6), (4, 8), (5, 10)]


def surplus(f, k, m):
    # answer
    f_k, f_m = best_member(f, k), best_member(f, m)
    return distance(f, f_k) ** 2 - distance(f, f_m) ** 2 - distance(f_k, f_m) ** 2
    # end of answer


zero_for = [(k, m) for k, m in pairs if m % k == 0]  # answer
# answer
# The shortest way from f to the larger class ends at f_m, at a right angle to all differences within that class.
# If the class contains f_k too, f, f_m and f_k are a triangle with this right angle: Pythagoras.
theorem = "c"
# end of answer


# Exercise 1.4

# answer
W_1 = 2 * nn.init.dirac_(torch.empty(8, 8, 3, 3)).roll(1, dims=0)  # twice as large, each channel one place further
W_2 = nn.init.dirac_(torch.empty(8, 8, 3, 3)).roll(-1, dims=0) / 2  # half as large, and one place back
# end of answer


# Exercise 1.5

def copy_by_shortcut(block):
    # answer
    for parameter in (block.bn2.weight, block.bn2.bias, block.conv3.weight, block.conv3.bias):
        nn.init.zeros_(parameter)  # F is silent now, in both modes, and the shortcut empty
    with torch.no_grad():
        for channel in range(8):
            block.conv3.weight[channel, channel] = 1
    return block
    # end of answer


share_ignored = 3 / 4  # answer
# answer
# A silent block depends on one of four pixels only: the shortcut steps over the other three, in every channel.
# A shallower net whose scores depend on those cannot be equalled like this. F could bring some of them back,
# but then it is not zero, and no longer the cheap identity. Within a stage the nets are nested at zero;
# from stage to stage they are not.
what_is_lost = "c"
# end of answer


# Exercise 1.6

def two_errors(t, values, t_new, values_new, degree):
    # answer
    learned = fit(t, values, degree)
    return root_mean_square(learned(t) - values), root_mean_square(learned(t_new) - values_new)
    # end of answer


true_statements = {1, 3, 5}  # answer
# answer
# Nesting promises that the best member is at least as near to f*. But f* is not seen: the choice is made by few,
# noisy points. A larger class has more members that fit these points, noise included, and lie far from f* between
# them. The training error cannot rise, the held-out error can. So take a smaller class, hold the weights small,
# stop early, or find more data; and a larger class costs more time and memory, too.
why_limit = "b"
# end of answer
