"""Evidence files: what a verdict is based on, stored so that it can be reproduced offline."""
