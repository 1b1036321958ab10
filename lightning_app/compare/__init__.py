"""Do the hand-written layers learn what torch.nn's learn? Both in lockstep: same weights, same batches, same rates."""
