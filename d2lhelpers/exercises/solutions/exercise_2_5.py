plain_in_training = [0, 0, 0, 3**0.5]  # answer
residual_in_training = [1, 2, 3, 6]  # answer
# answer
my_explanation = (
    "In training mode batch norm takes mean and variance from the batch. So the plain block forgets the level and "
    "the scale of each channel, and the ReLU cuts off all that was below the mean; γ and β would have to undo that "
    "for each batch anew. In evaluation mode it uses stored numbers, and those can be chosen so that nothing changes. "
    "In the residual block γ = β = 0 makes F(x) zero whatever the statistics are, and the addition brings x past them."
)
# end of answer
