"""News: told from any thread, to every page, nothing lost in silence."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

from longtake.annotate.news import News


def pieces(text: str) -> list[Any]:
    """The data of a stretch of an event stream, parsed line by line as the specification has it."""
    assert text.endswith("\n\n")
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]


def last_id(text: str) -> str:
    return [line.removeprefix("id: ") for line in text.splitlines() if line.startswith("id: ")][-1]


async def upcoming(stream: AsyncIterator[str]) -> str:
    return await asyncio.wait_for(anext(stream), 5)


def test_every_page_is_told_from_any_thread() -> None:
    async def scene() -> None:
        news = News()
        streams = [aiter(news.subscribe()) for _ in range(3)]
        for stream in streams:
            assert pieces(await upcoming(stream)) == []
        thread = threading.Thread(target=lambda: [news.publish({"type": "job", "done": n}) for n in range(50)])
        thread.start()
        for stream in streams:
            got: list[Any] = []
            while len(got) < 50:
                got += pieces(await upcoming(stream))
            assert [piece["done"] for piece in got] == list(range(50))
        thread.join()
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]
        assert not news._pages

    asyncio.run(scene())


def test_lines_in_a_text_do_not_end_a_piece() -> None:
    async def scene() -> None:
        news = News()
        stream = news.subscribe()
        await upcoming(stream)
        news.publish({"name": "a\n\ndata: b\r\u2028"})
        assert pieces(await upcoming(stream)) == [{"name": "a\n\ndata: b\r\u2028"}]

    asyncio.run(scene())


def test_a_slow_page_is_told_to_load_everything_and_goes_on_from_there() -> None:
    async def scene() -> None:
        news = News(room=4)
        stream = news.subscribe()
        await upcoming(stream)
        for number in range(6):
            news.publish({"n": number})
        assert pieces(await upcoming(stream)) == [{"type": "all"}, {"n": 5}]
        news.publish({"n": 6})
        assert pieces(await upcoming(stream)) == [{"n": 6}]
        for number in range(1000):
            news.publish({"n": number})
        (page,) = news._pages
        assert len(page.waiting) <= 4 and pieces(page.waiting[0]) == [{"type": "all"}]

    asyncio.run(scene())


def test_a_page_that_comes_back_is_told_whether_it_has_missed_any() -> None:
    async def scene() -> None:
        news = News()
        stream = news.subscribe()
        nothing = last_id(await upcoming(stream))
        news.publish({"n": 1})
        seen = last_id(await upcoming(stream))
        assert pieces(await upcoming(news.subscribe(seen))) == []
        assert pieces(await upcoming(news.subscribe(nothing))) == [{"type": "all"}]
        assert pieces(await upcoming(News().subscribe(seen))) == [{"type": "all"}]

    asyncio.run(scene())


def test_a_comment_keeps_a_quiet_stream_open() -> None:
    async def scene() -> None:
        stream = News(pause=0.01).subscribe()
        await upcoming(stream)
        assert [await upcoming(stream) for _ in range(3)] == [":\n\n"] * 3

    asyncio.run(scene())


def test_closing_ends_every_stream_at_once_and_later_ones_too() -> None:
    async def scene() -> None:
        news = News()

        async def read() -> str:
            return "".join([text async for text in news.subscribe()])

        readers = [asyncio.create_task(read()) for _ in range(3)]
        await asyncio.sleep(0.01)
        news.publish({"last": True})
        threading.Thread(target=news.close).start()
        for text in await asyncio.wait_for(asyncio.gather(*readers), 1):
            assert pieces(text) == [{"last": True}]
        await asyncio.wait_for(read(), 1)
        assert not news._pages

    asyncio.run(scene())


def test_who_publishes_after_the_end_disturbs_nobody() -> None:
    news = News()

    async def scene() -> AsyncIterator[str]:
        stream = news.subscribe()
        await upcoming(stream)
        return stream

    loop = asyncio.new_event_loop()
    stream = loop.run_until_complete(scene())
    loop.close()
    news.publish({"n": 1})
    news.close()
    del stream
