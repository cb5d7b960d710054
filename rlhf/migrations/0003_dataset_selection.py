"""A dataset becomes a folder with a file for each split, and keeps its selection."""

from django.db import migrations, models


def keep_old_files(apps, schema_editor):
    """Datasets written before stay as they are: one file, which lies in no folder of its own."""
    for dataset in apps.get_model("rlhf", "Dataset").objects.all():
        name, dataset.folder_name = dataset.folder_name, ""
        if dataset.state == "succeeded":
            part = {"name": name, "rows": dataset.rows, "size": dataset.size, "sha256": dataset.sha256}
            dataset.manifest = {"files": [part]}
        else:
            dataset.folder_name = name.removesuffix(".jsonl")
        dataset.save(update_fields=["folder_name", "manifest"])


class Migration(migrations.Migration):

    dependencies = [
        ("rlhf", "0002_trial"),
    ]

    operations = [
        migrations.RenameField("dataset", "file_name", "folder_name"),
        migrations.AddField(
            "dataset",
            "container",
            models.CharField(choices=[("jsonl", "JSON Lines"), ("parquet", "Parquet")], default="jsonl", max_length=10, verbose_name="file type"),
        ),
        migrations.AddField(
            "dataset",
            "selection",
            models.JSONField(blank=True, default=dict, help_text="Which votes, where that is not the default."),
        ),
        migrations.AddField(
            "dataset",
            "source",
            models.CharField(blank=True, help_text="The file it was imported from; empty for votes.", max_length=200),
        ),
        migrations.AddField(
            "dataset",
            "manifest",
            models.JSONField(blank=True, default=dict, help_text="What was counted; its files in order."),
        ),
        migrations.AlterField(
            "dataset",
            "sha256",
            models.CharField(blank=True, help_text="Of its files of rows, one after the other.", max_length=64),
        ),
        migrations.RunPython(keep_old_files, migrations.RunPython.noop),
    ]
