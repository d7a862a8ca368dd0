kernel_size_of_the_one = 5 + 3 - 1  # answer
parameters_of_the_pair = (25 * 20 * 30 + 30) + (9 * 30 * 20 + 20)  # answer
parameters_of_the_one = 49 * 20 * 20 + 20  # answer
