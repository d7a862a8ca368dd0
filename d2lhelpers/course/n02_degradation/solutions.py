# Exercise 2.1

blocks_per_stage = (110 - 2) // 6  # answer
additions = 3 * 18  # answer


# Exercise 2.2

def diagnose(shallow_train, shallow_test, deep_train, deep_test):
    # answer
    if deep_train > shallow_train:
        return "degradation"
    if deep_test > shallow_test:
        return "over-fitting"
    return "no harm"
    # end of answer


# Exercise 2.3

def fair_race(build, train_iter, lr, num_steps):
    """Return the losses of a plain and a residual net, step by step."""
    # answer
    nets = {}
    for kind in ("plain", "residual"):
        torch.manual_seed(0)  # 1: both draw the same weights
        nets[kind] = build(kind)
    losses = {kind: [] for kind in nets}
    batches = islice(train_iter, num_steps)
    for step in d2l.train_side_by_side(nets, batches, lr):  # 2: each batch goes to both; 3: one learning rate
        for kind in nets:
            losses[kind].append(step[kind].item())
    return losses
    # end of answer


# Exercise 2.4

def with_one_more_block(net):
    """Return a longer net that computes the same; leave this one as it is."""
    # answer
    longer = copy.deepcopy(net)
    for stage in longer[1:4]:
        channels = stage[-1].conv2.out_channels
        block = d2l.Residual(channels, channels)
        nn.init.zeros_(block.bn2.weight)
        nn.init.zeros_(block.bn2.bias)
        stage.append(block)
    return longer
    # end of answer


depth_after_20 = 20 + 3 * 2  # answer


# Exercise 2.5

plain_in_training = [0, 0, 0, 3**0.5]  # answer
gamma = 3.5**0.5  # answer
beta = 3  # answer
# answer
# Batch norm takes mean and variance from the batch, so the plain block forgets the level and the scale of each channel,
# and the ReLU cuts off all that was below the mean. γ and β can bring back the level and the scale of one batch; they
# bring them back for every other batch, too, whose own level and scale were other ones.
# (gamma = -3.5 ** 0.5 is right as well: the first half turns the numbers round, 5, 4, 3, 0, the second back.)
my_explanation = "c"
# end of answer
