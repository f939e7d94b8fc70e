"""What evaluators count for Prometheus; docs/operations.md says what each means."""

from prometheus_client import Counter, Gauge, Histogram

EVALUATIONS = Counter("galapagos_evaluations", "Programs judged, by verdict.", ["verdict"])
EVALUATION_S = Histogram(
    "galapagos_evaluation_seconds",
    "Time of one evaluation, all its stages.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
GPU_S = Counter("galapagos_gpu_seconds", "Seconds for which evaluations held GPUs.")
TWINS = Counter("galapagos_twins", "Programs that were given the result of one that behaves alike.")
HOST_FAULTS = Counter("galapagos_host_faults", "Evaluations given back through no fault of their program.")
SLOTS = Gauge("galapagos_slots", "Slots of this process.")
SLOTS_BUSY = Gauge("galapagos_slots_busy", "Slots that are judging a program now.")
SLOT_ORDERS = Counter("galapagos_slot_orders", "Orders that the slots service carried out, or did not.", ["verb", "outcome"])
SLOT_ORDER_S = Histogram(
    "galapagos_slot_order_seconds",
    "Time that the slots service took for an order.",
    ["verb"],
    buckets=(0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
