"""What was made of what, as a picture and as a list."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from rlhf import selectors
from rlhf.gates import staff_page
from rlhf.lineage import HEIGHT, WIDTH, draw


@require_GET
@staff_page
def lineage(request: HttpRequest) -> HttpResponse:
    nodes = selectors.lineage()
    labels = {node.key: node.label for node in nodes}
    context = {
        "picture": draw(nodes),
        "width": WIDTH,
        "height": HEIGHT,
        "lines": [
            {"node": node, "made_of": [labels[key] for key in node.made_of if key in labels]}
            for node in nodes
        ],
    }
    return render(request, "rlhf/lineage.html", context)
