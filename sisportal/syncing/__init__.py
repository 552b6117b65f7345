"""The stages with their input and output: prepare, commit, and what stands around them. No request and no template."""
