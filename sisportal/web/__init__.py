"""The pages: rendering, access and sign-in, and one module per tab."""
