def summary(accuracies):
    """Return the mean and the sample standard deviation."""
    # answer
    mean = sum(accuracies) / len(accuracies)
    variance = sum((accuracy - mean) ** 2 for accuracy in accuracies) / (len(accuracies) - 1)
    return mean, variance**0.5
    # end of answer


def wins(ours, theirs):
    """Count the seeds for which ours is higher."""
    # answer
    return sum(a > b for a, b in zip(ours, theirs))
    # end of answer
