"""Stored sentences in the reader's language: `{{ run.error|shown }}`, on every page."""

from django import template

from arena.sentences import shown

register = template.Library()
register.filter("shown", shown)
