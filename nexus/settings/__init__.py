"""One module per shape of deployment: `monolith`, `test`, or one app alone. `base` is what they share."""
