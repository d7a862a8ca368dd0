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
