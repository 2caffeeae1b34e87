from .chat_templates import TemplatedPrompt as TemplatedPrompt
from .chat_templates import templated_prompt as templated_prompt
from .conversations import chat_messages as chat_messages
from .conversations import prompt_and_reply as prompt_and_reply
from .texts import Reply as Reply
from .texts import query_text as query_text
from .texts import reply_of as reply_of
from .tools import plain_list as plain_list
