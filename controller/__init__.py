"""The active controller: admits what came back, asks for what comes next."""
