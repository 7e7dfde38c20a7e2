"""How a mapping changes: layers, drafts, checks, trials, approval, activation, rollback, golden examples.

draft -> checked -> back-tested -> approved (where a second person must) -> active -> superseded
"""

from connector.authoring.life import MappingLife, Policy
from connector.authoring.stacks import Stack, Stacks, Subject
from connector.authoring.trials import Trials

__all__ = ["MappingLife", "Policy", "Stack", "Stacks", "Subject", "Trials"]
