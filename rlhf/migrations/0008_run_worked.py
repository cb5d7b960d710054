from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('rlhf', '0007_form_key'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='worked',
            field=models.FloatField(default=0.0, help_text='Seconds that its earlier processes worked, to their last reports.'),
        ),
        migrations.AlterField(
            model_name='run',
            name='resumed_at',
            field=models.DateTimeField(blank=True, help_text='When another process of it was last prepared.', null=True),
        ),
    ]
