"""One page about usage that needs nothing but itself: no script, no font, no picture, no request.

`page` puts it together from what `gathering` asked; `plots` draws, `axes` finds the scales, `figures` puts a table beside each plot,
`words` makes every text safe, `style` is the style sheet. What comes from requests or providers passes through `words.safe`.
"""
