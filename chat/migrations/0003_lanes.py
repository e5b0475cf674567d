import config.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def number_the_lanes(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Answers that were asked for again used to be numbered on; they are versions in the one lane of their question."""
    messages, runs = apps.get_model("chat", "Message"), apps.get_model("chat", "Run")
    compared = runs.objects.filter(position__gt=0, turn=models.OuterRef("parent_id"))
    messages.objects.filter(~models.Exists(compared), role="assistant", position__gt=0).update(position=0)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("chat", "0002_votes_and_blind_comparisons"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="previous",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="chat.message",
            ),
        ),
        migrations.CreateModel(
            name="ModelSet",
            fields=[
                (
                    "id",
                    models.UUIDField(default=config.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("members", models.JSONField(default=list, verbose_name="models")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.tenant",
                        verbose_name="tenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "set of models",
                "verbose_name_plural": "sets of models",
                "ordering": ["created_at"],
                "constraints": [models.UniqueConstraint(fields=("owner", "tenant", "name"), name="set_named_once")],
            },
        ),
        migrations.RunPython(number_the_lanes, migrations.RunPython.noop),
    ]
