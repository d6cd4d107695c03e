"""Agencies, administrative areas, jurisdictions and their versions, matching, receipts."""
