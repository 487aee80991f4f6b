"""The course's pages as texts: their order and form, their code, their words, their sentences and their sources."""

import doctest
import re

import pytest
from checkout import REPOSITORY

DOCS = REPOSITORY / "docs"
GLOSSARY = (DOCS / "glossary.md").read_text(encoding="utf-8")
CONTENTS = (DOCS / "README.md").read_text(encoding="utf-8").split("\n## ")
LISTED = re.findall(r"^- \[([^]]+)\]\((\S+)\)", CONTENTS[1], re.MULTILINE)  # title and file of each page of the course
COURSE = [file for _, file in LISTED if (DOCS / file).exists()]
LESSONS = [file for title, file in LISTED if title[0].isdigit()]
ALSO_READ = ("quiz.md", "from-numbers.md", "your-own-pictures.md", "live-network.md")  # by learners, after the lessons
SCRIPTS = ("mlp.py", "cnn.py", "fast.py", "best.py", "fashion.py", "convolution.py")
LONGEST = 30  # words of a sentence
# Explained or linked where a page first uses them: in the glossary, and as they are written.
TERMS = {
    "seed": r"\bseeds?\b",
    "standard deviation": "±",
    "test images": r"\btest images?\b",
    "training images": r"\btraining images?\b",
    "validation images": r"\bvalidation images?\b",
    "MNIST": r"(?<!Fashion-)\bMNIST\b",
    "gradient": r"\bgradients?\b",
    "epoch": r"\bepochs?\b",
    "batch": r"\bbatch(es)?\b(?! normalisation)",
    "bias": r"\bbias(es)?\b",
    "channel": r"\bchannels?\b",
    "feature map": r"\bfeature maps?\b",
    "parameter": r"\bparameters?\b",
    "dense layer": r"\bdense layers?\b",
    "None": "`None`",
    "backend": r"\bbackends?\b",
}
SOFTWARE = ("https://docs.wandb.ai", "https://docs.ray.io", "https://docs.astral.sh")  # links that lead to no paper


def text_of(file: str) -> str:
    return (DOCS / file).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Returns the fenced blocks of a language."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """Returns a page without blocks of code, tables, headings, pictures, tags and the goals at its beginning."""
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\*\*You will be able to\*\*.*?^Reading:.*?$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"!\[[^]]*\]\([^)]*\)", "", text)
    text = re.sub(r"`[^`]*`", lambda code: code[0] if code[0] == "`None`" else "code", text)
    return re.sub(r"^(#|\||    |<).*$", "", text, flags=re.MULTILINE)


def sentences(text: str) -> list[str]:
    """Returns the sentences of a page, of items of its lists too, with links and code as plain words."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", prose(text))
    text = text.replace("*", "")
    paragraphs = re.split(r"\n\s*\n|\n(?=\s*(?:-|\d+\.) )", text)
    return [
        sentence
        for paragraph in paragraphs
        for sentence in re.split(r"(?<=[.?!])[)\"]?\s+", " ".join(paragraph.split()).lstrip("- "))
    ]


def test_the_readme_lists_the_lessons_in_the_order_of_the_contents():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\d\. \[[^]]+\]\(docs/(\S+)\)", readme, re.MULTILINE) == LESSONS
    assert len(LESSONS) == 8


@pytest.mark.parametrize("file", LESSONS)
def test_a_lesson_has_its_form(file):
    text = text_of(file)
    assert text.startswith(f"# {LESSONS.index(file) + 1}. ")
    goals = re.search(
        r"\*\*You will be able to\*\*\n\n((?:- .+\n(?:  .+\n)*)+)\nReading: \d+ minutes\. Running: ", text
    )
    assert 2 <= goals[1].count("\n- ") + 1 <= 4
    questions = re.findall(r"\*\*Predict first:\*\*(.*?)</details>", text, re.DOTALL)
    assert questions
    assert all("<details>\n<summary>" in question for question in questions)
    tries = text.split("\n## Try\n")[1].split("\n## In three lines\n")
    assert "```bash" in tries[0]
    assert "<details>\n<summary>" in tries[0]
    assert len(re.findall(r"^- ", tries[1], re.MULTILINE)) == 3
    following = COURSE[COURSE.index(file) + 1]
    assert re.search(rf"^Next: \[[^]]+\]\({re.escape(following)}\)", tries[1].strip().splitlines()[-1])


@pytest.mark.parametrize("file", COURSE)
def test_what_is_folded_is_markdown(file):
    text = text_of(file)
    assert text.count("<details>\n<summary>") == text.count("</summary>\n\n") == text.count("\n\n</details>")


@pytest.mark.parametrize("file", COURSE)
def test_each_line_of_code_is_in_a_script_in_this_order(file):
    scripts = [(REPOSITORY / name).read_text(encoding="utf-8").splitlines() for name in SCRIPTS]
    for block in blocks(text_of(file), "python"):
        wanted = [line.strip() for line in block.splitlines() if line.strip()]
        remaining = [iter([line.strip() for line in script]) for script in scripts]
        assert any(all(line in lines for line in wanted) for lines in remaining), block


@pytest.mark.parametrize("file", [file for file in COURSE if ">>> " in text_of(file)])
def test_the_lines_to_type_answer_what_the_page_says(file, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    said = []
    typed = doctest.DocTestParser().get_doctest("\n".join(blocks(text_of(file), "pycon")), {}, file, file, 0)
    assert len(typed.examples) == sum(line.startswith(">>> ") for line in text_of(file).splitlines())
    result = doctest.DocTestRunner(verbose=False).run(typed, out=said.append)
    assert result.failed == 0, "".join(said)
    assert typed.examples[0].source.startswith(("import course", "from course"))  # which chooses Keras' backend


@pytest.mark.parametrize("file", ["../README.md", *LESSONS, *ALSO_READ])
@pytest.mark.parametrize("term", TERMS)
def test_a_word_is_explained_or_linked_where_a_page_first_uses_it(file, term):
    text = " ".join(prose(text_of(file)).split())
    anchor = re.escape(f"glossary.md#{term.lower().replace(' ', '-')}")
    explained = re.finditer(rf"\[[^]]*\]\((?:docs/)?{anchor}\)|\*\*[^*]+\*\*", text)
    places = [range(*found.span()) for found in explained]
    first = re.search(TERMS[term], text)
    assert first is None or any(first.start() in place for place in places), text[first.start() - 60 : first.end() + 20]


def test_the_glossary_is_in_order_and_has_every_word():
    words = re.findall(r"^## (.+)$", GLOSSARY, re.MULTILINE)
    assert words == sorted(set(words), key=str.lower)
    assert set(TERMS) <= set(words)


@pytest.mark.parametrize("file", [file for file in COURSE if file != "install.md"])  # it teaches nothing
def test_sentences_are_short(file):
    long = [sentence for sentence in sentences(text_of(file)) if len(sentence.split()) > LONGEST]
    assert long == []


def test_every_paper_is_listed_with_its_year_and_title():
    rows = re.findall(r"^\| \[[^]]* (\d{4})\]\((\S+)\) \| (.+?) \| .+ \|$", text_of("papers.md"), re.MULTILINE)
    years = {address: year for year, address, _ in rows}
    assert len(years) == len(rows) == text_of("papers.md").count("https://")
    assert [year for year, _, _ in rows] == sorted(year for year, _, _ in rows)
    named = set()
    for file in DOCS.rglob("*.md"):
        for link, address in re.findall(r"\[([^]]*)\]\((https://[^)\s]+)\)", file.read_text(encoding="utf-8")):
            if not address.startswith(SOFTWARE):
                assert " ".join(link.split()).endswith(years.get(address, "listed")), f"{file}: {address}"
                named |= {address} - ({address} if file.name == "papers.md" else set())
    assert named == set(years)


def test_the_quiz_asks_twelve_questions_and_names_the_section_that_answers_each():
    questions = re.split(r"^## \d+\. ", text_of("quiz.md"), flags=re.MULTILINE)[1:]
    assert len(questions) == 12
    for question in questions:
        asked, answer = question.split("<details>")
        assert "?" in asked
        assert re.findall(r"\]\((\w[\w-]*\.md)#\S+\)", answer.split("</details>")[0]), asked


def test_the_names_of_the_clothes_are_those_of_the_data():
    from course.data import class_names  # late: the texts alone need no course

    names = class_names("fashion_mnist")
    for label, name in enumerate(names):
        assert f"| {label} | {name} |" in text_of("data.md")
    assert f"{', '.join(names[:-1])} and {names[-1]}" in " ".join(text_of("challenge.md").split())
    assert ", ".join(names) in (REPOSITORY / "fashion.py").read_text(encoding="utf-8")
