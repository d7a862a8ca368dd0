true_accuracy = (90 + 1) / (100 + 10)  # answer
mean_of_shares = (90 / 100 + 1 / 10) / 2  # answer
