# Exercise 8.1

class FlippedBatches:
    """The batches of `data_iter`, with half of the images turned left to right."""

    def __init__(self, data_iter, seed):
        # answer
        self.data_iter = data_iter
        self.generator = torch.Generator().manual_seed(seed)
        # end of answer

    def __len__(self):
        # answer
        return len(self.data_iter)
        # end of answer

    def __iter__(self):
        # answer
        for X, y in self.data_iter:
            turned = torch.rand(len(X), generator=self.generator) < 0.5  # one coin for each image
            yield torch.where(turned.to(X.device).view(-1, 1, 1, 1), X.flip(-1), X), y
        # end of answer


# Exercise 8.2

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


# Exercise 8.3

last_of_125 = 125  # answer
last_of_128 = 16  # answer
say_of_an_image = (1 / 16) / (1 / 128)  # answer
share_of_running_mean = 0.1  # answer
true_statements = {2, 4, 5}  # answer
# answer
# The last step averages the gradient over 16 images instead of 128: each has eight times the say, and the mean
# scatters more. Under the constant rate the step is as long as ever, and the network is judged right after it: 5 to
# 17 points are gone. That the running statistics follow the last batch costs nothing; rather they do not follow
# enough, for taken again they give back 2 to 7 points, and the rest, the larger part, is in the weights. Under one
# cycle the rate is nearly zero by then. The weights stay where they are, whatever the last batch holds; only the
# statistics move, which changes hardly anything.
last_step_explanation = "c"
# end of answer


# Exercise 8.4

small = {"stem": 153_664, "stages": [451_584, 524_288, 524_288, 524_288], "linear": 1_280}  # multiply-adds an image
total = small["stem"] + sum(small["stages"]) + small["linear"]
# answer
# Four times the places, but for the second stage, whose maps grow from 4×4 to 7×7, and the linear layer.
cost_factor_56 = (4 * (total - 524_288 - 1_280) + 49 / 16 * 524_288 + 1_280) / total
# The same windows slide over more places, and the pooling hands the linear layer as many numbers as before.
parameter_factor_56 = 1
# Twice the channels in times twice out is four; but the stem reads one gray image, the linear layer gives ten scores.
cost_factor_width_32 = (4 * sum(small["stages"]) + 2 * (small["stem"] + small["linear"])) / total
# end of answer
