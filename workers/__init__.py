"""Workers turn a proposal into a program: by a language model, by mutation, by numeric tuning."""
