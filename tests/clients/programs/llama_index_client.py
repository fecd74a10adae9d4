"""llama-index through its classes for servers that speak as OpenAI's."""

from checks import BASE_URL, CHAT, EMBEDDING, KEY, QUESTION, check, main, told
from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike

model = OpenAILike(
    model=CHAT, api_base=BASE_URL, api_key=KEY, is_chat_model=True, temperature=0, context_window=512, max_tokens=100
)
MESSAGES = [ChatMessage(role="user", content=QUESTION)]


@check
def chats() -> None:
    told(model.chat(MESSAGES).message.content)


@check
def streams() -> None:
    told("".join(part.delta or "" for part in model.stream_chat(MESSAGES)))


@check
def completes() -> None:
    told(model.complete(QUESTION).text)


@check
def embeds() -> None:
    embedding = OpenAILikeEmbedding(model_name=EMBEDDING, api_base=BASE_URL, api_key=KEY)
    assert len(embedding.get_text_embedding("one")) > 100


if __name__ == "__main__":
    main()
