"""Mail: one-time codes for people who have forgotten their passwords, and letters of other plugins.

The names exported here are public; the modules below are internal.
"""

from quartapp_mail.mailer import Letter, Mailer

__all__ = ["Letter", "Mailer"]
