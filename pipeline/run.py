"""One run: the order of the stages. No stage calls another; this file calls all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.config.loading import Config, load_config
from pipeline.engines.fitting import FitSlices, join_fits, tables_to_fit
from pipeline.engines.local import LocalEngine
from pipeline.engines.model import SliceResult
from pipeline.engines.protecting import ProtectSlices
from pipeline.engines.work import Secrets
from pipeline.errors import PouchError
from pipeline.events import Bar, Progress, Silent
from pipeline.intake import Cut, cut
from pipeline.keys import open_keyring
from pipeline.protect.consent import load_consent, make_withholding, refuse_older, write_withholding
from pipeline.protect.model import Plan
from pipeline.protect.plan import for_releases, make_plan, schema_of
from pipeline.statistics import aggregate_slice, check, combine, protect_table
from transforms import Keyring
