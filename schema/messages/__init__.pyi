from .texts import Reply as Reply
from .texts import query_text as query_text
from .texts import reply_of as reply_of
from .tools import plain_list as plain_list
