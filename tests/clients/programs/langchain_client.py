"""langchain-openai: a chat model, a stream, a schema, and embeddings."""

from checks import CHAT, EMBEDDING, QUESTION, check, main, told
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

model = ChatOpenAI(model=CHAT, temperature=0, max_retries=0)


@check
def invokes() -> None:
    answer = model.invoke(QUESTION)
    told(answer.content)
    assert answer.usage_metadata["total_tokens"] > 0


@check
def streams() -> None:
    told("".join(str(chunk.content) for chunk in model.stream(QUESTION)))


@check
def runs_a_chain() -> None:
    prompt = ChatPromptTemplate.from_messages([("user", "{question}")])
    told((prompt | model).invoke({"question": QUESTION}).content)


@check
def batches() -> None:
    assert len(model.batch([QUESTION, QUESTION])) == 2


@check
def uses_responses() -> None:
    told(ChatOpenAI(model=CHAT, temperature=0, use_responses_api=True).invoke(QUESTION).text)


@check
def embeds() -> None:
    embeddings = OpenAIEmbeddings(model=EMBEDDING, check_embedding_ctx_length=False)
    first, second = embeddings.embed_documents(["one", "two"])
    assert len(first) == len(second) > 100


if __name__ == "__main__":
    main()
