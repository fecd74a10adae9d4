"""Questions that have nothing to do with the appliance, by rule: the model must learn to decline what it never saw."""

import random
import re


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


_THINGS = (
    *_words("France Germany Spain Italy Japan China Brazil Canada India Egypt Kenya London Paris Berlin Tokyo Madrid"),
    *_words("Rome Beijing Moscow Sydney cats dogs elephants whales dragons birds fish trees flowers roses apples"),
    *_words("bananas bread rice pasta coffee tea wine cheese chocolate football tennis chess music jazz guitars"),
    *_words("movies poetry painting history physics chemistry biology mathematics astronomy love happiness money"),
    *_words("gold bitcoin cancer evolution democracy philosophy religion robots airplanes trains bicycles shoes"),
    *_words("Napoleon Einstein Shakespeare Mozart Newton Cleopatra"),
    "the moon",
    "the sun",
    "the sea",
    "the weather",
    "the stars",
    "the future",
    "the stock market",
    "my boss",
    "my wife",
    "my dog",
    "my garden",
    "my car",
    "my holidays",
    "the Roman empire",
    "the first world war",
    "the human brain",
    "black holes",
    "birthday presents",
)
_FORMS = (
    "What is the capital of {}?",
    "Tell me about {}.",
    "Write a poem about {}.",
    "Who invented {}?",
    "How old is {}?",
    "Do you like {}?",
    "What is the history of {}?",
    "Tell me a joke about {}.",
    "Write a story about {}.",
    "How many people live in {}?",
    "{}?",
    "Recommend a book about {}.",
    "How do I cook {}?",
    "What do you think about {}?",
    "Explain {} to a child.",
    "Where can I buy {}?",
    "Translate {} into French.",
    "What is the best film about {}?",
    "How big is {}?",
    "Write an essay on {}.",
    "Sing a song about {}.",
    "What is the weather in {}?",
    "Who is the president of {}?",
    "What colour is {}?",
    "Draw a picture of {}.",
    "How far is {} from here?",
    "Give me a recipe with {}.",
    "Who is the king of {}?",
    "What should I know about {}?",
    "Write me a letter to {}.",
    "Why is {} so popular?",
    "Write a Python program about {}.",
    "Summarise a text about {}.",
    "What rhymes with {}?",
    "Which is better, {} or something else?",
)
_SUMS = ("What is {}?", "Calculate {}.", "How much is {}?")
_SIGNS = ("times", "plus", "minus", "divided by", "+", "*")


def off_topic_question(draw: random.Random) -> str:
    if draw.random() < 0.12:
        return draw.choice(_SUMS).format(f"{draw.randrange(2, 999)} {draw.choice(_SIGNS)} {draw.randrange(2, 99)}")
    return draw.choice(_FORMS).format(draw.choice(_THINGS))
