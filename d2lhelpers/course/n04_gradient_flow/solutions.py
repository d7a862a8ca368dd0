# Exercise 4.1

class Cancelling(nn.Module):
    def __init__(self):
        super().__init__()
        # answer
        self.F = nn.Linear(4, 4)
        with torch.no_grad():
            self.F.weight.copy_(-torch.eye(4))  # J = -I, so that I + J = 0
            self.F.bias.fill_(1.0)  # without it the output would be zero, too
        # end of answer

    def forward(self, x):
        # answer
        return x + self.F(x)
        # end of answer


# Exercise 4.2

powers_of_ten_110 = round(54 * math.log10(6))  # answer


# Exercise 4.3

def corrected_growth(net, X, y):
    # answer
    net = in_float64(net)  # a copy in training mode: batch norm looks at the batch
    xs, loss = inputs_and_loss(net, X, y)
    first, last = torch.autograd.grad(loss, (xs[0], xs[-1]))
    return (first.norm() / last.norm()).item()
    # end of answer


measured_in_truth = "plain, He"  # answer


# Exercise 4.4

def growth_after_one_step(net, X, y, lr):
    """Return the growth after one step of plain gradient descent; the net itself stays as it is."""
    # answer
    # Seed 0: from 0.01 on it shrinks: from 3,000 to 350, and to 18 at 0.1. There the first
    # convolution's weights have grown from a norm of 4.4 to one of 5.5, and of 34 at 0.1.
    net = in_float64(net)
    parameters = list(net.parameters())
    gradients = torch.autograd.grad(cross_entropy(net(X), y), parameters)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients):
            parameter -= lr * gradient
    return growth(gradient_norms(net, X, y))
    # end of answer
