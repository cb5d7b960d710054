"""What is stored, in the reader's language: `{{ run.error|shown }}`, `{{ name|category }}`."""

from django import template

from arena.categories import label
from arena.sentences import shown

register = template.Library()
register.filter("shown", shown)
register.filter("category", label)
