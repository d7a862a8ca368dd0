extra_parameters_of_option_c = sum(c * c + c for c in (64, 64, 128, 256, 512))  # answer
