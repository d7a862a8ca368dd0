def two_errors(t, values, t_new, values_new, degree):
    # answer
    learned = fit(t, values, degree)
    return root_mean_square(learned(t) - values), root_mean_square(learned(t_new) - values_new)
    # end of answer


true_statements = {1, 3, 5}  # answer
# answer
why_limit = (
    "Nesting promises that the best member is at least as near to f*. But f* is not seen: the choice is made by few, "
    "noisy points. A larger class has more members that fit these points, noise included, and lie far from f* between "
    "them. The training error cannot rise, the held-out error can. So take a smaller class, hold the weights small, "
    "stop early, or find more data; and a larger class costs more time and memory, too."
)
# end of answer
