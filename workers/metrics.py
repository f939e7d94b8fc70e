"""What a worker counts for Prometheus; docs/operations.md says what each means."""

from prometheus_client import Counter, Histogram

PROPOSALS = Counter(
    "galapagos_proposals", "Proposals that this worker closed: answered, or the reason of a refusal.", ["outcome"]
)
CALLS = Counter("galapagos_model_calls", "Calls of models: answered, or the failure.", ["model", "outcome"])
CALL_S = Histogram(
    "galapagos_model_call_seconds", "Time of one call of a model.", ["model"], buckets=(0.1, 0.5, 1, 2, 5, 10, 20, 60, 120, 600)
)
TOKENS = Counter("galapagos_model_tokens", "Tokens as the endpoint reported them.", ["model", "direction"])
COST = Counter("galapagos_model_cost_dollars", "What calls of models cost.", ["model"])
