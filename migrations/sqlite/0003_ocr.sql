-- Pages that OCR has still to read, which of the others it has read (such as 1-3,7), how sure it was, and codes of what
-- is not as it should be although there is text.
ALTER TABLE prelo_gazettes ADD COLUMN ocr_due integer;
ALTER TABLE prelo_gazettes ADD COLUMN ocr_page_numbers text;
ALTER TABLE prelo_gazettes ADD COLUMN ocr_confidence real;
ALTER TABLE prelo_gazettes ADD COLUMN warnings text;
CREATE INDEX prelo_gazettes_ocr_due ON prelo_gazettes (gazette_id) WHERE ocr_due > 0;
