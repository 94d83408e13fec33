"""Names that would like to be markup, scripts or templates."""

HOSTILE = {
    "size": "</script><script>window.owned = 1</script>",
    "value": "qu\"ote's & <b>bold</b>",
    "energy": "%{x} %{customdata} $\\alpha$",
    "materials": "<img src=x onerror=window.owned=2>",
}
"""What factors of the generated market are called instead."""

ASSET = "<!-- <svg/onload=window.owned=3>"  # the largest
