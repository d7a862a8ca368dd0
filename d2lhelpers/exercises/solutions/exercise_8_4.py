last_of_125 = 125  # answer
last_of_128 = 16  # answer
say_of_an_image = (1 / 16) / (1 / 128)  # answer
share_of_running_mean = 0.1  # answer
true_statements = {2, 4, 5}  # answer
# answer
last_step_explanation = (
    "The last step averages the gradient over 16 images instead of 128: each has eight times the say, and the mean "
    "scatters more. Under the constant rate the step is as long as ever, and the test images meet the weights right "
    "after it: 4 to 18 points are gone. The running statistics also move by a tenth, but that changes little. Under "
    "one cycle the rate is nearly zero by then. The weights stay where they are, whatever the last batch holds; only "
    "the statistics move, which costs less than a fifth of a point."
)
# end of answer
