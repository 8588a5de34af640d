"""Who somebody is: the ways to sign in, and the sign-ins that hold."""
