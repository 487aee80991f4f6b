"""Pages as a reader sees them, in a real browser."""

from pathlib import Path


def look_at(browser, page_file: Path, width: int, scheme: str = "light", pictured: bool = True) -> str:
    """Opens a page as a reader would, and checks it; returns its text. It has a picture unless `pictured` is false."""
    from axe_playwright_python.sync_playwright import Axe  # late, because most tests need no browser

    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.resolve().as_uri())
    assert said == []
    assert [address for address in asked if not address.startswith("data:image/png;")] == [page_file.resolve().as_uri()]
    pictures = page.evaluate(
        "[...document.images].map(image => [image.complete && image.naturalWidth > 0, image.alt.length > 10])"
    )
    drawn = page.evaluate("[...document.querySelectorAll('svg[role=img]')].map(each => each.ariaLabel.length > 10)")
    assert pictures or drawn or page.query_selector("canvas") or not pictured
    assert all(drawn)
    assert all(loaded and described for loaded, described in pictures)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    text = page.inner_text("body")
    context.close()
    return text
