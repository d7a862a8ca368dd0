# Exercise 0.1

parameters_of_the_layer = 3 * 3 * 3 * 8 + 8  # answer
