"""What is trained and attacked: networks, the detector bank and both classifiers, the losses, the class Gaussians."""
