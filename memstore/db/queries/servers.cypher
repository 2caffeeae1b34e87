// name: faults
// Databases that are down although they should not be, and why.
SHOW DATABASES YIELD name, currentStatus, requestedStatus, statusMessage
WHERE requestedStatus = 'online' AND currentStatus IN ['offline', 'dirty', 'quarantined', 'unknown']
    AND statusMessage <> ''
RETURN name, statusMessage

// name: change_password
// Of the user who is logged in; for the system database.
ALTER CURRENT USER SET PASSWORD FROM $old TO $new
