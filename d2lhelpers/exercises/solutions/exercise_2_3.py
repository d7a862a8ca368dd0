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
