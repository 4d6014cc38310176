"""Webhooks: events made from the records in the bucket, signed, and sent until their receivers have taken them."""
