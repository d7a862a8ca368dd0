inception_shape = (2, 64 + 128 + 32 + 32, 28, 20)  # answer
true_statements = {1, 4, 6, 7}  # answer
inception_in_words = "Branches of several kernel sizes see one input; their channels stand side by side."  # answer
residual_in_words = "The input passes unchanged and is added, so that the layers learn a difference."  # answer
