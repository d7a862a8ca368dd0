def train_with_milestones(net, batches, num_epochs, lr, milestones):
    """Train; from each milestone on with a tenth of the learning rate. Return the rate of each epoch."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=0.1)
    rates = []
    for epoch in range(num_epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        for X, y in batches:
            loss = F.cross_entropy(net(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()  # mended
    return rates
