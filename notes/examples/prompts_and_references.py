"""A system prompt out of a template, and what "it" means: the files, programs and addresses that were lately spoken of."""

from llm_manager import ConfigurationError, LLMRequest, Message, printable, references, render, system_prompt

template = system_prompt("operating_assistant").unwrap()
print(template.variables)  # -> ('current_time', 'working_directory', 'username')

system = render(template, current_time="2026-11-02 09:30", working_directory="/home/ada", username="ada").unwrap()
print(system.splitlines()[-1])  # -> User: ada

missing = render(template, current_time="2026-11-02 09:30", user="ada").failure()
assert isinstance(missing, ConfigurationError)
for fault in missing.faults:
    print(fault.key, fault.problem)  # -> working_directory is not given # -> username is not given # -> user is no variable of it

said = (
    Message(role="user", content="Start Firefox and open https://example.org/report.html."),
    Message(role="assistant", content="Done. I saved it as `/home/ada/report.html`."),
    Message(role="user", content="Now move it to ~/archive/"),
)
spoken_of = references(said)
print(spoken_of.files, spoken_of.directories)  # -> ('/home/ada/report.html',) ('~/archive/',)
print(spoken_of.applications, spoken_of.urls)  # -> ('Firefox',) ('https://example.org/report.html',)

request = LLMRequest(messages=said, system=f"{system}\nLately spoken of: {', '.join(spoken_of.files)}")
print(len(request.conversation()))  # -> 4

print(printable("\x1b[31mred\x1b[0m"))  # -> red
