likes_three = torch.tensor([0.0, 1.0, 0.0]).repeat_interleave(num_points // 3)  # answer
