"""What the manager reads off a prompt before it asks anybody: pure, instant, and the same every time."""

from llm_manager import LLMRequest, classify

PROMPTS = (
    "open firefox",
    "What is the capital of France?",
    "Analyze why checkout latency doubled after the deploy on Tuesday",
    "Write a React component with a table of orders",
    "Write a SQL query for the ten largest customers",
    "Write a story about a lighthouse",
    "Summarise what this patient told the nurse",
)

for prompt in PROMPTS:
    read = classify(LLMRequest(prompt))
    print(f"{read.task_type:14} {read.complexity:8} {read.sensitivity:7} {prompt}")
# -> general        simple   public  open firefox
# -> general        moderate public  What is the capital of France?
# -> analysis       complex  public  Analyze why checkout latency doubled after the deploy on Tuesday
# -> ui_generation  moderate public  Write a React component with a table of orders
# -> sql            moderate public  Write a SQL query for the ten largest customers
# -> creative       moderate public  Write a story about a lighthouse
# -> general        moderate private Summarise what this patient told the nurse

labelled = classify(LLMRequest("open firefox", task_type="config_management", complexity="complex", sensitivity="private"))
print(labelled.task_type, labelled.complexity, labelled.sensitivity)  # -> config_management complex private
print(*labelled.reasons, sep="; ")
# -> the task is named in the request; complexity is named in the request; sensitivity is labelled; private text stays local
